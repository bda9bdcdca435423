// Large results of a deploy.toml.
import { Duration } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { McpLargeResults } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given, seconds } from './values';

/** Where large results go, or `undefined` where they are returned as they are. A bucket that is named is imported into the scope. */
export function toLargeResults(
  scope: Construct,
  { large_results: results }: DeployConfig,
  problems: Problems,
): McpLargeResults | undefined {
  if (!results.enabled) {
    const other = Object.keys(results).find(key => key !== 'enabled');
    if (other === undefined) return undefined;
    return problems.add('large_results', 'enabled', `true where ${other} is given`, results.enabled);
  }
  return McpLargeResults.s3({
    bucket: given(results.bucket, name => s3.Bucket.fromBucketName(scope, 'ResultBucket', name)),
    prefix: results.prefix,
    maxBytes: results.max_bytes,
    linkLifetime: seconds(results.link_seconds),
    expiration: given(results.expiration_days, it => Duration.days(it)),
  });
}
