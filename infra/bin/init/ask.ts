// Questions on a terminal.
import type { Readable, Writable } from 'node:stream';
import { createInterface, type Interface } from 'node:readline';
import { QUESTIONS, answersTo, type Choices, type Question } from './choices';
import { InitError } from './error';

/** Where questions are asked. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable;
}

/** Asks for the folder, and for each choice that is missing. An empty answer is the default. */
export class Asking {
  private readonly reader: Interface;
  private readonly lines: AsyncIterator<string>;
  private readonly output: Writable;

  public constructor({ input, output }: Terminal) {
    this.reader = createInterface({ input });
    this.lines = this.reader[Symbol.asyncIterator]();
    this.output = output;
  }

  public async folder(): Promise<string> {
    return (await this.ask('Folder of the project [my-mcp-server]: ')) || 'my-mcp-server';
  }

  public async choices(given: Partial<Choices>): Promise<Choices> {
    const chosen: { [question: string]: string } = { ...given };
    for (const question of Object.keys(QUESTIONS) as Question[]) chosen[question] ??= await this.choose(question);
    return chosen as unknown as Choices;
  }

  public close(): void {
    this.reader.close();
  }

  private async choose(question: Question): Promise<string> {
    const { question: title, answers } = QUESTIONS[question];
    const names = answersTo(question);
    const list = Object.entries(answers).map(([name, meaning], at) => `  ${at + 1}  ${name.padEnd(13)} ${meaning}\n`);
    for (;;) {
      const answer = await this.ask(`${title}\n${list.join('')}[1]: `);
      const chosen = answer === '' ? names[0] : names.includes(answer) ? answer : names[Number(answer) - 1];
      if (chosen !== undefined) return chosen;
      this.output.write(`${answer} is none of them.\n`);
    }
  }

  /** Fails if the input ends before there is an answer. */
  private async ask(text: string): Promise<string> {
    this.output.write(text);
    const line = await this.lines.next();
    if (line.done === true) throw new InitError('there was no answer: nothing was written');
    return line.value.trim();
  }
}

/** The choices that are given, and the first answer of each other question. */
export function withDefaults(given: Partial<Choices>): Choices {
  const first = (question: Question) => [question, given[question] ?? answersTo(question)[0]];
  return Object.fromEntries((Object.keys(QUESTIONS) as Question[]).map(first)) as Choices;
}
