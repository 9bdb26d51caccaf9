import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { Orthanc } from '../../scripts/services.ts';

/** Posts files to Orthanc over so many kept connections at once. @throws Error when one is refused */
export async function uploadToOrthanc(orthanc: Orthanc, files: readonly string[], clients: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  try {
    let next = 0;
    const send = async () => {
      while (next < files.length) await post(orthanc, agent, await readFile(files[next++] as string));
    };
    await Promise.all(Array.from({ length: clients }, send));
  } finally {
    agent.destroy();
  }
}

function post(orthanc: Orthanc, agent: Agent, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(`${orthanc.url}/instances`, {
      method: 'POST',
      agent,
      headers: { ...orthanc.headers, 'content-type': 'application/dicom', 'content-length': bytes.length },
    });
    call.on('error', reject);
    call.on('response', (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`Orthanc answered ${response.statusCode}`)),
      );
    });
    call.end(bytes);
  });
}
