import { describe, expect, it } from 'vitest';
import { nodeSettingsSchema, nodeUseSchema } from '../../../app/domains/exchange/exchangeSchema.ts';
import { nodePresets } from '../../../app/domains/exchange/nodePresets.ts';
import { errorsOf, formOfNode, formOfPreset, isOpenLine, type NodeForm, savedOf } from './nodeForm.ts';

const dimse: NodeForm = { ...formOfPreset(null), name: 'PACS', host: '10.0.0.4', port: '11112', aeTitle: 'ARCHIVE' };
const web: NodeForm = { ...dimse, kind: 'dicomweb', baseUrl: 'https://pacs.example/dicom-web/' };

describe('a node form', () => {
  it('gives what the host takes', () => {
    const saved = savedOf({ ...dimse, hoursFrom: '22:00', hoursTo: '06:00', kilobytesPerSecond: '500' });
    expect(errorsOf(dimse)).toEqual({});
    expect(nodeSettingsSchema.parse(saved.settings)).toEqual(saved.settings);
    expect(nodeUseSchema.parse(saved.use)).toMatchObject({
      hours: { from: '22:00', to: '06:00' },
      kilobytesPerSecond: 500,
    });
    expect(savedOf(web).settings).toMatchObject({ baseUrl: 'https://pacs.example/dicom-web' });
  });

  it('survives being opened and saved without a change', () => {
    for (const preset of nodePresets) {
      const named: NodeForm = { ...formOfPreset(preset), name: 'One', host: 'h', project: 'p', userName: 'u' };
      const { name, settings, use } = savedOf({ ...named, baseUrl: named.baseUrl.replace('HOST', 'h') });
      const node = { nodeId: '', version: 1, name, settings, use, hasCredential: true, hasPrivateKey: true };
      const again = savedOf(formOfNode({ ...node, capabilities: [], lastTest: null, isProven: true }));
      expect(again).toEqual({ name, settings, use, secrets: {} });
    }
  });

  it('leaves the places for the person\u2019s own names empty, and refuses them while they are', () => {
    for (const preset of nodePresets) {
      const form = formOfPreset(preset);
      expect(Object.keys(errorsOf({ ...form, name: 'One' }))).toContain(form.kind === 'dimse' ? 'host' : 'baseUrl');
    }
  });

  it('says what the host would refuse', () => {
    expect(errorsOf({ ...dimse, name: ' ', port: '70000', aeTitle: 'SEVENTEEN-LETTERS' })).toEqual({
      name: 'needed',
      port: 'port',
      aeTitle: 'aeTitle',
    });
    expect(errorsOf({ ...dimse, aeTitle: 'BACK\\SLASH' })).toEqual({ aeTitle: 'aeTitle' });
    expect(errorsOf({ ...web, baseUrl: 'ftp://pacs' })).toEqual({ baseUrl: 'url' });
    expect(errorsOf({ ...web, auth: 'oidc' })).toEqual({ issuer: 'url', clientId: 'needed' });
    expect(errorsOf({ ...dimse, ca: 'hello', hoursFrom: '22:00' })).toEqual({ ca: 'certificate', hoursTo: 'hours' });
    expect(errorsOf({ ...dimse, hoursFrom: '8 pm', hoursTo: '24:00' })).toEqual({
      hoursFrom: 'clock',
      hoursTo: 'clock',
    });
  });

  it('binds a node to a certificate, or to its fingerprint in any way of writing it', () => {
    const fingerprint = Array(32).fill('AB').join(':');
    const bound = (receiveCertificate: string): NodeForm => ({ ...dimse, receive: true, receiveCertificate });
    for (const text of [fingerprint, `sha256 Fingerprint=${fingerprint}\n`, 'ab'.repeat(32)]) {
      expect(errorsOf(bound(text)), text).toEqual({});
      expect(savedOf(bound(text)).use.receiveCertificate).toBe(text.trim());
    }
    expect(errorsOf(bound('AB:CD'))).toEqual({ receiveCertificate: 'fingerprint' });
    expect(savedOf(bound(' ')).use).not.toHaveProperty('receiveCertificate');
  });

  it('keeps a stored secret unless it is replaced or taken away', () => {
    expect(savedOf(web).secrets).toEqual({});
    expect(savedOf({ ...web, credential: '' }).secrets).toEqual({ credential: '' });
    expect(savedOf({ ...web, credential: ' a b ' }).secrets).toEqual({ credential: ' a b ' });
  });
});

describe('a line', () => {
  it('is open when what goes over it can be read on the way', () => {
    expect(isOpenLine(savedOf(dimse).settings)).toBe(true);
    expect(isOpenLine(savedOf({ ...dimse, tls: true }).settings)).toBe(false);
    expect(isOpenLine(savedOf({ ...dimse, host: '127.0.0.1' }).settings)).toBe(false);
    expect(isOpenLine(savedOf({ ...web, baseUrl: 'http://pacs/dicom-web' }).settings)).toBe(true);
    expect(isOpenLine(savedOf({ ...web, baseUrl: 'http://[::1]:8042/dicom-web' }).settings)).toBe(false);
  });
});
