/**
 * What a worker thread that takes objects from a network needs of this domain: it examines and archives them itself.
 * Their rows are written by the imaging service's `receptions`, at the other end of the port.
 */
export { type Intake, type IntakeLimits, openIntake, type Taken } from './import/receptionIntake.ts';
