/** A command that cannot be carried out: its message is all that the user sees. */
export class InitError extends Error {}
