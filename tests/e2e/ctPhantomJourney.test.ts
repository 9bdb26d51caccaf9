import { describeJourney } from './harness/journey.ts';
import { sharedSamples } from './harness/runningHost.ts';

describeJourney({
  name: 'the real CT phantom',
  folder: sharedSamples('ct-phantom'),
  language: 'en',
  viewport: { width: 1366, height: 768 },
  rowWords: ['FANTY', 'CEREBRUM'],
  patient: 'FANTY',
  images: 199,
  voxels: [
    [256, 256],
    [200, 230],
    [300, 300],
    [256, 180],
    [10, 10],
  ],
  line: [
    [190, 200],
    [320, 310],
  ],
  findings: 'Two spherical inserts without contour defect. Longest distance',
  conclusion: 'Phantom as delivered; no finding.',
  correction: 'The serial number was read as 1234567.',
});
