import * as route53 from 'aws-cdk-lib/aws-route53';
import type { Construct } from 'constructs';
import { addWarning } from '../private/findings';
import { fail } from '../private/validation';
import type { McpDomainOptions } from './endpoint-options';

/** The records of the domain in its hosted zone, if that is known. */
export function addRecords(scope: Construct, domain: McpDomainOptions, target: route53.IAliasRecordTarget): void {
  if (!domain.hostedZone) return;
  if (scope.node.tryFindChild('DomainRecord')) {
    const rule = "is of the second endpoint with one: their records would change their ids when one of them is removed";
    fail('endpoint.domain.hostedZone', domain.domainName, rule, 'leave it out, and create the record in the app');
  }
  const record: route53.ARecordProps = {
    zone: domain.hostedZone,
    recordName: `${domain.domainName}.`,
    target: route53.RecordTarget.fromAlias(target),
  };
  new route53.ARecord(scope, 'DomainRecord', record);
  new route53.AaaaRecord(scope, 'DomainRecordIpv6', record);
}

/** Warns of a stage's name in the URL of an endpoint where clients log in. */
export function warnOfMissingDomain(scope: Construct): void {
  const problem = "clients look for OAuth metadata at the root of the host, which a stage's URL cannot serve";
  addWarning(scope, 'oauth-without-domain', `${problem}; set 'endpoint.domain'`);
}
