import type * as apigw from 'aws-cdk-lib/aws-apigateway';
import { Construct } from 'constructs';
import { fail } from '../private/validation';
import { McpEndpoint } from './endpoint';
import type { McpEndpointBindOptions, McpEndpointConfig } from './endpoint-config';
import type { McpRestApiOptions } from './endpoint-options';
import {
  bindToSharedApi,
  checkRestApi,
  createRestApi,
  restApiMaxTimeout,
  type CreatedRestApi,
} from './rest-api';

/**
 * A regional REST API of several servers, each with a path of its own.
 *
 * ```ts
 * const api = new McpRestApi(this, 'Api');
 * new McpLambdaServer(this, 'Notes', { endpoint: api.endpoint(), path: '/notes/mcp' });
 * new McpLambdaServer(this, 'Tasks', { endpoint: api.endpoint(), path: '/tasks/mcp' });
 * ```
 */
export class McpRestApi extends Construct {
  /**
   * The REST API.
   */
  public readonly restApi: apigw.RestApi;

  /**
   * The URL of the API, without the paths of the servers.
   */
  public readonly url: string;

  private readonly created: CreatedRestApi;
  private readonly paths = new Set<string>();

  public constructor(scope: Construct, id: string, options: McpRestApiOptions = {}) {
    super(scope, id);
    this.created = createRestApi(this, options);
    this.restApi = this.created.restApi;
    this.url = this.created.publicUrl;
  }

  /**
   * The endpoint of a server at this API. The `path` of the server must be its own.
   */
  public endpoint(): McpEndpoint {
    return new SharedRestApiEndpoint(this.created, this.paths);
  }
}

class SharedRestApiEndpoint extends McpEndpoint {
  /** @internal */
  public override readonly _kind = 'restApi';

  public constructor(
    private readonly created: CreatedRestApi,
    private readonly paths: Set<string>,
  ) {
    super(restApiMaxTimeout(created.options));
  }

  /** @internal */
  public override _check(options: Pick<McpEndpointBindOptions, 'timeout'>): void {
    checkRestApi(this.created.options, options);
  }

  public bind(options: McpEndpointBindOptions): McpEndpointConfig {
    if (this.paths.has(options.path)) {
      fail('path', options.path, 'is that of another server of this REST API', 'give each server a path of its own');
    }
    this.paths.add(options.path);
    return bindToSharedApi(this.created, options);
  }
}
