import { apiContract } from './domains/api/apiContract.ts';
import { exchangeContract } from './domains/exchange/exchangeContract.ts';
import { imagingContract } from './domains/imaging/imagingContract.ts';
import { jobContract } from './domains/jobs/jobContract.ts';
import { patientContract } from './domains/patients/patientContract.ts';
import { reportContract } from './domains/reports/reportContract.ts';
import { securityContract } from './domains/security/securityContract.ts';
import { storageContract } from './domains/storage/storageContract.ts';
import { systemContract } from './domains/system/systemContract.ts';
import { worklistContract } from './domains/worklist/worklistContract.ts';

/** Everything a window, a script or another program may ask of a Salus core. Read this first. */
export const contract = {
  system: systemContract,
  security: securityContract,
  patients: patientContract,
  imaging: imagingContract,
  worklist: worklistContract,
  reports: reportContract,
  jobs: jobContract,
  storage: storageContract,
  exchange: exchangeContract,
  api: apiContract,
};
export type Contract = typeof contract;
