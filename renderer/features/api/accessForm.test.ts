import { describe, expect, it } from 'vitest';
import { errorsOfAccess, formOfAccess, savedOfAccess } from './accessForm.ts';

const settings = {
  enabled: true,
  host: '127.0.0.1',
  port: 8104,
  names: ['archive.example', 'localhost'],
  tls: { enabled: false, certificate: '' },
};

describe('the form of the access for programs', () => {
  it('gives back what it was made of', () => {
    for (const host of ['127.0.0.1', '0.0.0.0', '10.0.0.7'])
      expect(savedOfAccess(formOfAccess({ ...settings, host }))).toEqual({ settings: { ...settings, host } });
  });

  it('knows what the host would refuse', () => {
    const form = formOfAccess(settings);
    expect(errorsOfAccess(form, false)).toEqual({});
    expect(errorsOfAccess({ ...form, place: 'everywhere' }, false)).toEqual({ tls: 'tls' });
    expect(errorsOfAccess({ ...form, enabled: false, place: 'everywhere' }, false)).toEqual({});
    expect(errorsOfAccess({ ...form, place: 'address', host: 'a b', tls: true }, false)).toEqual({
      host: 'host',
      certificate: 'certificate',
      privateKey: 'privateKey',
    });
    const certificate = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----';
    expect(errorsOfAccess({ ...form, tls: true, certificate }, true)).toEqual({});
    expect(errorsOfAccess({ ...form, tls: true, certificate, privateKey: 'x' }, true)).toEqual({
      privateKey: 'privateKey',
    });
    for (const port of ['', '8104.5', '-1', '65536', 'x'])
      expect(errorsOfAccess({ ...form, port }, false)).toEqual({ port: 'port' });
    expect(errorsOfAccess({ ...form, names: 'a/b' }, false)).toEqual({ names: 'names' });
  });
});
