/**
 * The programs of others that the tests compare with. Known by name so that a skipped test can say what it needed.
 * Plain JavaScript: `npm test` looks for them before anything else.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {'chromium' | 'orthanc' | 'orthanc-dicomweb' | 'dcmtk' | 'dicom3tools' | 'pixelmed' | 'poppler' | 'qpdf' | 'gdcm' | 'openjpeg' | 'pydicom' | 'numpy' | 'openssl'} Peer
 * @typedef {{ label: string, apt: string, find: () => string | undefined }} PeerEntry `find`: absolute path of its main file.
 */

/** @type {Record<Peer, PeerEntry>} */
export const peers = {
  chromium: { label: 'Chromium', apt: 'chromium', find: findChromium },
  orthanc: { label: 'Orthanc', apt: 'orthanc', find: () => findProgram('Orthanc') },
  'orthanc-dicomweb': {
    label: 'Orthanc DICOMweb plugin',
    apt: 'orthanc-dicomweb',
    find: () => firstFile(orthancPluginFolders.map((folder) => path.join(folder, 'libOrthancDicomWeb.so'))),
  },
  dcmtk: { label: 'DCMTK', apt: 'dcmtk', find: () => findProgram('dcmdump') },
  dicom3tools: { label: 'dicom3tools', apt: 'dicom3tools', find: () => findProgram('dciodvfy') },
  pixelmed: { label: 'PixelMed', apt: 'pixelmed-apps', find: () => findProgram('DicomSRValidator') },
  poppler: { label: 'poppler', apt: 'poppler-utils', find: () => findProgram('pdftotext') },
  qpdf: { label: 'qpdf', apt: 'qpdf', find: () => findProgram('qpdf') },
  gdcm: { label: 'GDCM', apt: 'libgdcm-tools', find: () => findProgram('gdcmconv') },
  openjpeg: { label: 'OpenJPEG', apt: 'libopenjp2-tools', find: () => findProgram('opj_decompress') },
  openssl: { label: 'OpenSSL', apt: 'openssl', find: () => findProgram('openssl') },
  pydicom: {
    label: 'pydicom',
    apt: 'python3-pydicom',
    find: () => firstFile(['/usr/lib/python3/dist-packages/pydicom/__init__.py']),
  },
  numpy: {
    label: 'NumPy',
    apt: 'python3-numpy',
    find: () => firstFile(['/usr/lib/python3/dist-packages/numpy/__init__.py']),
  },
};

/** Where Debian and the Orthanc project put the plugins. */
const orthancPluginFolders = ['/usr/share/orthanc/plugins', '/usr/local/share/orthanc/plugins'];

/**
 * The absolute path of a program, as a shell would find it; /usr/sbin is looked at too (Orthanc lives there).
 * @param {string} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/usr/bin'];
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  for (const folder of folders.filter(Boolean)) {
    for (const ending of endings) {
      const file = path.join(folder, name + ending);
      if (isExecutable(file)) return file;
    }
  }
  return undefined;
}

/**
 * A browser of the Chromium family: SALUS_CHROMIUM when set, else the first of Chromium, Chrome, Edge.
 * @returns {string | undefined}
 */
export function findChromium() {
  if (process.env.SALUS_CHROMIUM) return firstFile([process.env.SALUS_CHROMIUM]);
  const names = [
    'chromium',
    'chromium-browser',
    'google-chrome-stable',
    'google-chrome',
    'microsoft-edge-stable',
    'microsoft-edge',
  ];
  for (const name of names) {
    const found = findProgram(name);
    if (found) return found;
  }
  return firstFile([
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
    ...['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA'].flatMap((name) => {
      const folder = process.env[name];
      return folder
        ? [
            path.join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
            path.join(folder, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
          ]
        : [];
    }),
  ]);
}

/**
 * The peers that aren't on this machine.
 * @returns {Peer[]}
 */
export function listMissingPeers() {
  return /** @type {Peer[]} */ (Object.keys(peers)).filter((name) => peers[name].find() === undefined);
}

/**
 * Looks for the peers and, as root on Debian or one of its family, installs the missing ones. Their services are
 * not started: the tests start their own, on ports and folders of their own.
 * @param {(line: string) => void} log
 * @returns {Peer[]} the peers still missing.
 */
export function setUpPeers(log) {
  const missing = listMissingPeers();
  if (missing.length === 0) return [];
  log(`Not on this machine: ${missing.map((name) => peers[name].label).join(', ')}.`);
  if (!findProgram('apt-get') || process.getuid?.() !== 0) {
    log('They can be installed here as root on Debian only; the tests that need them will be skipped.');
    return missing;
  }
  const undoBlock = blockServiceStart();
  try {
    apt(['update', '-q'], log);
    const wanted = missing.map((name) => peers[name].apt);
    // One by one when all together fail: one name a release doesn't know must not cost the others.
    if (!apt(['install', '-q', '-y', '--no-install-recommends', ...wanted], log)) {
      for (const name of wanted) apt(['install', '-q', '-y', '--no-install-recommends', name], log);
    }
  } finally {
    undoBlock();
  }
  return listMissingPeers();
}

/**
 * @param {string[]} args
 * @param {(line: string) => void} log
 */
function apt(args, log) {
  log(`apt-get ${args.join(' ')}`);
  const ended = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (ended.status !== 0)
    log(`apt-get ended with ${ended.status ?? ended.signal}: ${ended.stderr.trim().slice(-1000)}`);
  return ended.status === 0;
}

/** A package's server must not start on its well-known port: /usr/sbin/policy-rc.d says 101, "not allowed". */
function blockServiceStart() {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => undefined;
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(policy, { force: true });
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string[]} files */
function firstFile(files) {
  return files.find((file) => existsSync(file));
}
