import { Duration, RemovalPolicy, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { expectFindings } from './private/findings';
import { useOfKey } from './private/permissions';
import { checkAll, checkNumber, fail } from './private/validation';

/** S3 counts the expiry of objects in days. */
const SHORTEST_RETENTION = Duration.days(1);
/** The longest that a presigned URL is valid. */
const LONGEST_LINK = Duration.days(7);
const [SMALLEST_LIMIT, LARGEST_LIMIT] = [16 * 1024, 200 * 1024 * 1024];
const PREFIX = 'mcp-results/';

/**
 * Options of `McpLargeResults.s3()`.
 */
export interface McpLargeResultsOptions {
  /**
   * An existing bucket, in the region of the server. Its life cycle is yours.
   *
   * @default - a new bucket: private, encrypted, with TLS only, kept when the stack is deleted
   */
  readonly bucket?: s3.IBucket;

  /**
   * The prefix of the objects, with a slash at its end. Below it, each caller has a folder.
   *
   * @default 'mcp-results/'
   */
  readonly prefix?: string;

  /**
   * The largest result that is returned directly, in bytes of its JSON, from 16384. Lambda returns 6 MB without streaming, and a
   * load balancer 1 MB.
   *
   * @default 786432
   */
  readonly maxBytes?: number;

  /**
   * How long the links are valid, up to 7 days: as long as the credentials of the function's role, if these end earlier.
   *
   * @default Duration.hours(1)
   */
  readonly linkLifetime?: Duration;

  /**
   * After which time objects of a new bucket are deleted, in whole days.
   *
   * @default Duration.days(1)
   */
  readonly expiration?: Duration;

  /**
   * The KMS key of a new bucket. A client that reads a link needs no permission on it.
   *
   * @default - the key that S3 owns
   */
  readonly encryptionKey?: kms.IKey;
}

/** What the server needs to know of the bucket. */
export interface LargeResultsConfig {
  readonly bucket: s3.IBucket;
  readonly prefix: string;
  readonly maxBytes: number | undefined;
  readonly linkLifetime: Duration | undefined;
}

/**
 * Where results of tools go that are too large for a response.
 */
export class McpLargeResults {
  /**
   * To a bucket: the client receives links to the parts of the result. Whoever has a link can read the part until the link ends. The
   * program needs the feature `s3`.
   */
  public static s3(options: McpLargeResultsOptions = {}): McpLargeResults {
    return new McpLargeResults(options);
  }

  private constructor(private readonly options: McpLargeResultsOptions) {}

  /** @internal */
  public _check(): void {
    const { bucket, prefix, maxBytes, linkLifetime, expiration, encryptionKey } = this.options;
    checkAll(
      () => checkNumber('largeResults.maxBytes', maxBytes, SMALLEST_LIMIT, LARGEST_LIMIT),
      () => {
        if (prefix === undefined || Token.isUnresolved(prefix) || /^([A-Za-z0-9._-]+\/)+$/.test(prefix)) return;
        fail('largeResults.prefix', prefix, 'must be names of letters, digits, ., _ and - with a slash after each', `write '${PREFIX}'`);
      },
      () => {
        if (!linkLifetime || linkLifetime.isUnresolved()) return;
        const seconds = linkLifetime.toSeconds({ integral: false });
        if (seconds >= 60 && seconds <= LONGEST_LINK.toSeconds()) return;
        fail('largeResults.linkLifetime', linkLifetime.toHumanString(), 'must be from a minute to 7 days', 'choose such a time');
      },
      () => {
        if (!expiration || expiration.isUnresolved()) return;
        const days = expiration.toDays({ integral: false });
        if (Number.isInteger(days) && days >= 1) return;
        fail('largeResults.expiration', expiration.toHumanString(), 'must be whole days', 'choose 1 day or more');
      },
      () => {
        const own = Object.entries({ expiration, encryptionKey }).find(([, value]) => value !== undefined);
        if (!bucket || !own) return;
        const value = own[0] === 'expiration' ? expiration?.toHumanString() : '{...}';
        fail(`largeResults.${own[0]}`, value, "does not apply to 'largeResults.bucket'", 'set it where the bucket is defined');
      },
    );
  }

  /** @internal */
  public _bind(scope: Construct, sharedKey: kms.IKey | undefined): LargeResultsConfig {
    const { bucket, prefix = PREFIX, maxBytes, linkLifetime } = this.options;
    return { bucket: bucket ?? this.createBucket(scope, prefix, sharedKey), prefix, maxBytes, linkLifetime };
  }

  private createBucket(scope: Construct, prefix: string, sharedKey: kms.IKey | undefined): s3.Bucket {
    const { expiration = SHORTEST_RETENTION, encryptionKey = sharedKey } = this.options;
    const bucket = new s3.Bucket(scope, 'LargeResults', {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      ...(encryptionKey
        ? { encryption: s3.BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }
        : { encryption: s3.BucketEncryption.S3_MANAGED }),
      lifecycleRules: [{ prefix, expiration, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      // Its objects are copies that live for a day: CloudFormation deletes a bucket without objects only.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    expectFindings(bucket, 'objects live for days, and are read by links', 'AwsSolutions-S1');
    return bucket;
  }
}

/** Grants writing parts of results, and reading them by the links that are signed for it, and nothing else. */
export function grantLargeResults({ bucket, prefix }: LargeResultsConfig, grantee: iam.IGrantable): void {
  const resourceArns = [bucket.arnForObjects(`${prefix}*`)];
  iam.Grant.addToPrincipal({ grantee, actions: ['s3:GetObject', 's3:PutObject'], resourceArns });
  const key = bucket.encryptionKey;
  if (key) iam.Grant.addToPrincipal(useOfKey(bucket, 's3', key, grantee, ['kms:Decrypt', 'kms:GenerateDataKey*']));
}
