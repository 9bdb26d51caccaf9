import { describe, expect, it } from 'vitest';
import { credentialSteps } from './unattendedSteps.ts';

describe('what is left to do with a credential file', () => {
  it('can be typed into a shell as it stands, whatever the file is called', () => {
    expect(credentialSteps('/dev/shm/salus-unlock')).toEqual({
      commands: [
        'sudo systemd-creds encrypt --name=salus-unlock /dev/shm/salus-unlock /etc/credstore.encrypted/salus-unlock',
        'shred --remove /dev/shm/salus-unlock',
      ],
      unit: 'LoadCredentialEncrypted=salus-unlock:/etc/credstore.encrypted/salus-unlock',
    });
    expect(credentialSteps("/tmp/it's $(mine); rm -rf ~").commands[1]).toBe(
      "shred --remove '/tmp/it'\\''s $(mine); rm -rf ~'",
    );
  });
});
