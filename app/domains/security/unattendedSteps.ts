/** What the systemd credential with the unlock key is called. */
export const credentialName = 'salus-unlock';

const encryptedCredential = `/etc/credstore.encrypted/${credentialName}`;

/** A word of a POSIX shell's command line that means itself. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What an administrator does with a credential file that was just written: two commands, and a line for the unit. */
export function credentialSteps(file: string): { readonly commands: readonly [string, string]; readonly unit: string } {
  return {
    commands: [
      `sudo systemd-creds encrypt --name=${credentialName} ${quoted(file)} ${encryptedCredential}`,
      `shred --remove ${quoted(file)}`,
    ],
    unit: `LoadCredentialEncrypted=${credentialName}:${encryptedCredential}`,
  };
}
