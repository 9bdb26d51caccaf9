import { describe, expect, it } from 'vitest';
import { webSettingsSchema, xnatSettingsSchema } from './exchangeSchema.ts';

const tls = {};
const none = { method: 'none' } as const;

describe('where a web node is', () => {
  it('is an address without user name, password, query or fragment', () => {
    const takes = (baseUrl: string) => [
      webSettingsSchema.safeParse({ kind: 'dicomweb', baseUrl, auth: none, tls }).success,
      xnatSettingsSchema.safeParse({ kind: 'xnat', baseUrl, project: 'P', auth: none, tls }).success,
    ];
    for (const good of [
      'https://pacs.example/dicom-web',
      'http://127.0.0.1:8042/dicom-web/',
      'https://[fd00::1]:8443',
      'HTTPS://PACS.example/a%20b',
    ])
      expect(takes(good), good).toEqual([true, true]);
    for (const bad of [
      'https://anna:secret@pacs.example/dw',
      'https://anna@pacs.example/dw',
      'https://pacs.example/dw?token=abc',
      'https://pacs.example/dw?',
      'https://pacs.example/dw#part',
      'https:\\\\anna:secret@pacs.example/dw',
      'ftp://pacs.example/dw',
      'file:///etc',
    ])
      expect(takes(bad), bad).toEqual([false, false]);
  });

  it('has its client secret sent to an issuer over https, and over http on this machine alone', () => {
    const takes = (issuer: string): boolean =>
      webSettingsSchema.safeParse({
        ...{ kind: 'dicomweb', baseUrl: 'https://pacs.example/dw', tls },
        auth: { method: 'oidc', issuer, clientId: 'salus' },
      }).success;
    for (const good of [
      'https://id.example/realms/x',
      'https://id.example/token?p=policy',
      'http://localhost:8080/x',
      'http://127.0.0.1:9',
      'http://[::1]:8080/token',
    ])
      expect(takes(good), good).toBe(true);
    for (const bad of [
      'http://id.example/realms/x',
      'http://localhost.example/x',
      'http://127.0.0.1.example/x',
      'http://localhost@id.example/',
      'https://anna:secret@id.example/',
      'https://id.example/#x',
      'ftp://x/y',
    ])
      expect(takes(bad), bad).toBe(false);
  });
});
