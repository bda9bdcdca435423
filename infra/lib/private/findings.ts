import { Validations, type Acknowledgment } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const findings = new WeakMap<IConstruct, Acknowledgment[]>();

/**
 * Notes which findings a resource raises on purpose, and why. They are acknowledged only if the app asks for it, with
 * `McpFindings.acknowledge()`.
 */
export function expectFindings(construct: IConstruct, reason: string, ...ids: string[]): void {
  findings.set(construct, [...findingsOf(construct), ...ids.map(id => ({ id, reason }))]);
}

/** The findings that were noted for the construct. */
export function findingsOf(construct: IConstruct): Acknowledgment[] {
  return findings.get(construct) ?? [];
}

/** Adds a warning that can be acknowledged by its id, `mcp-lambda-server:<id>`. */
export function addWarning(construct: IConstruct, id: string, message: string): void {
  Validations.of(construct).addWarning(`mcp-lambda-server:${id}`, message);
}
