import { describe, expect, it } from 'vitest';
import { type ReceiverSettings, receiverSettingsSchema } from '../../../app/domains/exchange/exchangeSchema.ts';
import { errorsOfReceiver, formOfReceiver, savedOfReceiver } from './receiverForm.ts';

const settings: ReceiverSettings = {
  enabled: true,
  aeTitle: 'SALUS',
  host: '127.0.0.1',
  port: 11_112,
  tls: { enabled: false, certificate: '', clientCa: '' },
  watchedFolders: ['/in'],
  stow: false,
  leastFreeMib: 1024,
};

describe('the form of the receiver', () => {
  it('gives back what it was opened with', () => {
    for (const host of ['127.0.0.1', '0.0.0.0', '10.0.0.7']) {
      const saved = savedOfReceiver(formOfReceiver({ ...settings, host }));
      expect(saved).toEqual({ settings: { ...settings, host } });
      expect(receiverSettingsSchema.parse(saved.settings)).toEqual(saved.settings);
    }
  });

  it('is not opened to the network by anything but the choice of a place', () => {
    const form = formOfReceiver(settings);
    expect(savedOfReceiver({ ...form, host: '10.0.0.7', tls: true }).settings.host).toBe('127.0.0.1');
    expect(savedOfReceiver({ ...form, place: 'everywhere' }).settings.host).toBe('0.0.0.0');
  });

  it('asks for a certificate and its key before TLS is switched on', () => {
    const form = { ...formOfReceiver(settings), tls: true };
    expect(errorsOfReceiver(form, false)).toEqual({ certificate: 'certificate', privateKey: 'privateKey' });
    const certificate = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----';
    expect(errorsOfReceiver({ ...form, certificate }, true)).toEqual({});
    expect(errorsOfReceiver({ ...form, certificate, privateKey: '' }, true)).toEqual({ privateKey: 'privateKey' });
  });

  it('says what is no port, title or size', () => {
    const bad = { ...formOfReceiver(settings), port: '-1', aeTitle: 'A\\B', leastFreeMib: '1' };
    expect(errorsOfReceiver(bad, false)).toEqual({ port: 'port', aeTitle: 'aeTitle', leastFreeMib: 'leastFree' });
  });
});
