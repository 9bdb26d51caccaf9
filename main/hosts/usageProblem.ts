/** The command line was not understood; the message is a sentence for the person. Ends the program with code 2. */
export class UsageProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageProblem';
  }
}

/** Runs a parser of arguments and turns what node:util throws for unknown ones into a UsageProblem. */
export function withUsageProblems<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError && (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
      throw new UsageProblem(error.message);
    }
    throw error;
  }
}
