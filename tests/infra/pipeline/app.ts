// An app with one pipeline for two accounts: copy it, and change the names. pipeline.test.ts compiles and synthesises it.
import { App, Duration, Stack, Stage, type StackProps, type StageProps } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { CodePipeline, CodePipelineSource, ManualApprovalStep, ShellStep } from 'aws-cdk-lib/pipelines';
import type { Construct } from 'constructs';
import { McpDeployment, McpDeploymentCheck, McpFindings, McpLambdaServer } from '../../../infra/lib/index.ts';

interface NotesProps extends StageProps {
  readonly deployment?: McpDeployment;
}

/** The server in one account. */
class NotesStage extends Stage {
  public constructor(scope: Construct, id: string, { deployment, ...props }: NotesProps) {
    super(scope, id, props);
    const stack = new Stack(this, 'Notes');
    const server = new McpLambdaServer(stack, 'Mcp', {
      // What the build step has built.
      code: lambda.Code.fromAsset('program'),
      ...(deployment && { deployment }),
    });
    new McpDeploymentCheck(stack, 'Check', { server });
    McpFindings.acknowledge(stack);
  }
}

/** The pipeline: it builds once, and deploys the same program to each stage. It updates itself. */
export class NotesPipeline extends Stack {
  public constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const pipeline = new CodePipeline(this, 'Pipeline', {
      // Keys of the pipeline's own, with which the other account reads the program.
      crossAccountKeys: true,
      synth: new ShellStep('Build', {
        input: CodePipelineSource.connection('example/notes', 'main', {
          connectionArn: 'arn:aws:codeconnections:eu-central-1:111111111111:connection/12345678-1234-1234-1234-123456789012',
        }),
        commands: [
          'pip install cargo-lambda',
          'cargo lambda build --release --arm64 --lambda-dir program --flatten notes',
          'npm ci',
          'npx cdk synth',
        ],
      }),
    });
    const development = { account: '111111111111', region: 'eu-central-1' };
    const production = { account: '222222222222', region: 'eu-central-1' };
    pipeline.addStage(new NotesStage(this, 'Development', { env: development }));
    const deployment = McpDeployment.canary({ percent: 10, interval: Duration.minutes(10) });
    pipeline.addStage(new NotesStage(this, 'Production', { env: production, deployment }), {
      pre: [new ManualApprovalStep('Approve')],
    });
  }
}

/** The app of the file: `new App()` in yours. */
export function createApp(app: App): App {
  new NotesPipeline(app, 'NotesPipeline', { env: { account: '111111111111', region: 'eu-central-1' } });
  return app;
}
