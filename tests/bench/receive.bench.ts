/**
 * The CT study five times over (1,000 files, 525 MB), sent by DCMTK's storescu over one association, to Salus, to
 * DCMTK's storescp and to Orthanc, in turn; then the same over four associations at once. Salus parses, encrypts,
 * fsyncs and indexes each object before it answers; storescp writes a file and fsyncs nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { have, programOf, startOrthanc, startStorescp } from '../../scripts/services.ts';
import { startBenchHost } from './benchHost.ts';
import { ctCopies } from './ctCopies.ts';
import { median, say, type Taken, taken, tell, waitForQuiet } from './measure.ts';

const repetitions = Number(process.env['SALUS_BENCH_REPETITIONS'] ?? 3);
const copies = ctCopies();
const files = copies.files.slice(0, copies.files.length / 2);
const megabytes = files.reduce((sum, file) => sum + readFileSync(file).length, 0) / 1e6;

interface Target {
  readonly port: number;
  readonly called: string;
  stop(): Promise<void>;
}

const targets: Readonly<Record<'salus' | 'storescp' | 'orthanc', () => Promise<Target>>> = {
  salus: startSalus,
  storescp: async () => {
    const { port, aeTitle, stop } = await startStorescp();
    return { port, called: aeTitle, stop };
  },
  orthanc: async () => {
    const { dicomPort, aeTitle, stop } = await startOrthanc({ dicom: true });
    return { port: dicomPort ?? 0, called: aeTitle, stop };
  },
};
type Name = keyof typeof targets;

if (!have('dcmtk')) {
  tell({ name: 'receive: skipped (needs DCMTK)', value: 0, unit: 'MB/s' });
} else {
  say(`${copies.source} ×5: ${files.length} files, ${Math.round(megabytes)} MB`);
  const names = (Object.keys(targets) as Name[]).filter((name) => name !== 'orthanc' || have('orthanc'));
  for (const hands of [1, 4]) {
    const runs: Record<Name, Taken[]> = { salus: [], storescp: [], orthanc: [] };
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      for (const name of names) {
        spawnSync('sync');
        await waitForQuiet();
        const target = await targets[name]();
        try {
          runs[name].push(await taken(() => sendAll(target, hands)));
        } finally {
          await target.stop();
        }
      }
      say(JSON.stringify({ hands, ...Object.fromEntries(names.map((name) => [name, runs[name].at(-1)?.seconds])) }));
    }
    const rate = (all: readonly Taken[]) => megabytes / median(all.map(({ seconds }) => seconds));
    const each = (all: readonly Taken[]) => all.map(({ seconds }) => Math.round(megabytes / seconds));
    const against = (peer: Name, least: number) => {
      if (runs[peer].length === 0) return;
      tell({
        name: `receive over ${hands === 1 ? 'one association' : `${hands} associations`} against ${peer}`,
        value: rate(runs.salus),
        unit: 'MB/s',
        peer,
        peerValue: rate(runs[peer]),
        aim: { atLeast: least, of: 'ratio' },
        more: {
          files: files.length,
          megabytes: Math.round(megabytes),
          source: copies.source,
          repetitions,
          each: each(runs.salus),
          peerEach: each(runs[peer]),
          filesPerSecond: Math.round((files.length * rate(runs.salus)) / megabytes),
        },
      });
    };
    against('storescp', 0.5);
    against('orthanc', 2);
  }
}

async function startSalus(): Promise<Target> {
  const host = await startBenchHost();
  const { client } = host;
  await client.exchange.saveNode({
    nodeId: null,
    baseVersion: null,
    name: 'bench',
    settings: { kind: 'dimse', host: '127.0.0.1', port: 104, aeTitle: 'STORESCU', tls: { enabled: false } },
    use: { send: false, search: false, receive: true },
    secrets: {},
  });
  const { settings } = await client.exchange.receiver();
  const { port, failure } = await client.exchange.saveReceiver({
    settings: { ...settings, enabled: true, port: 0, leastFreeMib: 64 },
  });
  if (port === null) throw new Error(`the receiver does not listen: ${failure}`);
  return {
    port,
    called: settings.aeTitle,
    async stop() {
      await host.stop();
    },
  };
}

/** Sends all files over so many associations; fails unless each was answered with success. */
async function sendAll({ port, called }: Target, hands: number): Promise<void> {
  const shares = Array.from({ length: hands }, (_, hand) => files.filter((_file, index) => index % hands === hand));
  await Promise.all(
    shares.map(
      (share) =>
        new Promise<void>((resolve, reject) => {
          const child = spawn(
            programOf('storescu'),
            ['-aet', 'STORESCU', '-aec', called, '127.0.0.1', String(port), ...share],
            { env: { ...process.env, TCP_NODELAY: '1' }, stdio: ['ignore', 'ignore', 'inherit'] },
          );
          child.once('error', reject);
          child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`storescu ended with ${code}`))));
        }),
    ),
  );
}
