/** TLS as BCP 195 asks (RFC 9325; PS3.15 B.12): 1.2 or newer, ephemeral keys, authenticated encryption. */
export const tlsProfile = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'DHE-RSA-AES256-GCM-SHA384',
    'DHE-RSA-AES128-GCM-SHA256',
  ].join(':'),
} as const;

/** The same for who dials: the peer must show a certificate that is trusted, whatever the environment says. */
export const tlsClientProfile = { ...tlsProfile, minDHSize: 2048, rejectUnauthorized: true } as const;
