// What a project is made of: the questions, and the answers that there are.

/** The questions, in the order in which they are asked. The first answer of each is the default. */
export const QUESTIONS = {
  template: {
    question: 'What kind of server?',
    answers: {
      rust: 'a server in Rust, with one tool',
      'rust-tasks': 'a server in Rust, with a tool that runs as a task',
      'stdio-npm': 'a server of npm that speaks over stdio',
      'stdio-python': 'a server of PyPI that speaks over stdio',
    },
  },
  auth: {
    question: 'Who may call it, once it is deployed?',
    answers: {
      iam: 'callers with AWS credentials',
      cognito: 'users of a new Amazon Cognito user pool, who sign in with any MCP client',
      jwt: 'callers with a token of your issuer (OAuth, OpenID Connect)',
      none: 'everybody who knows its URL',
    },
  },
  front: {
    question: 'Through which endpoint?',
    answers: {
      'function-url': 'a Lambda Function URL: streams, costs nothing besides',
      rest: 'a REST API of API Gateway: streams; for a domain of yours, and AWS WAF',
      http: 'an HTTP API of API Gateway: no streams',
    },
  },
  deploy: {
    question: 'How is the deployment described?',
    answers: { toml: 'in a file of settings', cdk: 'in a CDK app in TypeScript' },
  },
} as const;

export type Question = keyof typeof QUESTIONS;

/** An answer to each question. */
export type Choices = { readonly [Q in Question]: keyof (typeof QUESTIONS)[Q]['answers'] & string };

/** The answers to a question, the default first. */
export function answersTo(question: Question): string[] {
  return Object.keys(QUESTIONS[question].answers);
}
