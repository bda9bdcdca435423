import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Notes on a construct why it is as it is, for cdk-nag and the CDK's own checks of the template: each finding that a
 * default of ours raises is explained where it is made, so that users see only their own.
 */
export function explain(construct: IConstruct, reason: string, ...ids: string[]): void {
  Validations.of(construct).acknowledge(...ids.map(id => ({ id, reason })));
}

/** A warning at synthesis. It can be acknowledged by its id. */
export function warn(construct: IConstruct, id: string, message: string): void {
  Validations.of(construct).addWarning(`mcp-lambda-server:${id}`, message);
}
