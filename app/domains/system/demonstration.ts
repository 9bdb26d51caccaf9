/**
 * The operator of a throw-away store of sample studies. Such a store holds phantoms and is removed at the end, so its
 * password is no secret: the tour needs it to sign a report.
 */
export const demonstration = {
  operatorName: 'demo',
  fullName: 'Demonstration',
  password: 'demonstration',
} as const;
