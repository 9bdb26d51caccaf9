import path from 'node:path';
import { describeJourney } from './harness/journey.ts';
import { samplesFolder } from './harness/runningHost.ts';

describeJourney({
  name: 'the generated chest CT',
  folder: path.join(samplesFolder(), 'chest-ct'),
  language: 'fr',
  viewport: { width: 1440, height: 900 },
  rowWords: ['LEFÈVRE', 'TDM thorax avec injection'],
  patient: 'LEFÈVRE Jeanne',
  images: 120,
  // Heart, right lung, left lung, spine, air beside the body.
  voxels: [
    [256, 256],
    [150, 260],
    [370, 280],
    [256, 340],
    [12, 20],
  ],
  line: [
    [140, 250],
    [380, 300],
  ],
  findings: 'Nodule plein du lobe supérieur droit mesuré à',
  conclusion: 'Nodule à contrôler dans trois mois.',
  correction: 'Le contrôle est à faire dans six semaines.',
});
