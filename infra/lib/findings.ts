import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { findingsOf } from './private/findings';

/**
 * Findings of cdk-nag (AwsSolutions, Serverless) and of the CDK's own validation that the construct's resources raise
 * on purpose, each with its reason.
 *
 * Nothing is acknowledged by default: whether a finding is acceptable is the app's decision. An app that agrees with
 * the reasons calls `McpFindings.acknowledge(server)` once, after the server is made.
 */
export class McpFindings {
  /**
   * Acknowledges the findings of all servers in a scope, with their reasons, as `Validations.of().acknowledge()` does.
   */
  public static acknowledge(scope: IConstruct): void {
    for (const construct of scope.node.findAll()) {
      const findings = findingsOf(construct);
      if (findings.length > 0) Validations.of(construct).acknowledge(...findings);
    }
  }

  private constructor() {}
}
