import * as iam from 'aws-cdk-lib/aws-iam';
import { DependencyGroup } from 'constructs';
import type { McpTasksConfig } from '../tasks/tasks-config';

/** The principals of the programs that run tools: the server, the worker function, and the containers of workers. */
export function toolPrincipals(server: iam.IGrantable, tasks: McpTasksConfig | undefined): iam.IPrincipal[] {
  const workers = [tasks?.worker?.function, tasks?.workerService?.taskDefinition.taskRole];
  return [server, ...workers].flatMap(it => it?.grantPrincipal ?? []);
}

/** Several principals, of which each gets what is granted. */
export class ToolPrincipal extends iam.PrincipalBase {
  public override readonly principalAccount: string | undefined;

  public constructor(private readonly principals: iam.IPrincipal[]) {
    super();
    this.principalAccount = principals[0]?.principalAccount;
  }

  public get policyFragment(): iam.PrincipalPolicyFragment {
    const fragments = this.principals.map(({ policyFragment }) => policyFragment.principalJson);
    const kinds = new Set(fragments.flatMap(Object.keys));
    const merged = [...kinds].map(kind => [kind, fragments.flatMap(it => it[kind] ?? [])] as const);
    return new iam.PrincipalPolicyFragment(Object.fromEntries(merged));
  }

  public dedupeString(): string | undefined {
    return undefined;
  }

  public override addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    const results = this.principals.map(it => it.addToPrincipalPolicy(statement));
    return {
      statementAdded: results.every(it => it.statementAdded),
      policyDependable: new DependencyGroup(...results.flatMap(it => it.policyDependable ?? [])),
    };
  }
}
