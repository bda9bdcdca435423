// The prices of what a server uses, in USD, in us-east-1, on demand, before free tiers.

/** When the prices were read. */
export const PRICES_AS_OF = '2026-11-20';

/** Where the prices are published. */
export const SOURCES = {
  lambda: 'https://aws.amazon.com/lambda/pricing/',
  dynamodb: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  sns: 'https://aws.amazon.com/sns/pricing/',
  cloudwatch: 'https://aws.amazon.com/cloudwatch/pricing/',
  apiGateway: 'https://aws.amazon.com/api-gateway/pricing/',
  secretsManager: 'https://aws.amazon.com/secrets-manager/pricing/',
} as const;

const MILLION = 1_000_000;

/** Prices by the unit that is billed. */
export const PRICES = {
  lambda: {
    request: 0.2 / MILLION,
    gbSecond: { arm64: 0.0000133334, x86_64: 0.0000166667 },
    /** Of an environment that is always initialized, whether it runs or not; and while it runs. */
    provisionedGbSecond: { arm64: 0.0000033334, x86_64: 0.0000041667 },
    provisionedRunGbSecond: { arm64: 0.0000077778, x86_64: 0.0000097222 },
  },
  dynamodb: { readUnit: 0.125 / MILLION, writeUnit: 0.625 / MILLION },
  sns: { publication: 0.5 / MILLION },
  cloudwatch: { logsGb: 0.5, alarmMetric: 0.1, compositeAlarm: 0.5, dashboard: 3 },
  apiGateway: { rest: 3.5 / MILLION, http: 1 / MILLION },
  secretsManager: { secret: 0.4 },
} as const;

/** A month of AWS's price list here, as in docs/cost.md: 720 hours. */
export const SECONDS_OF_MONTH = 2_592_000;
