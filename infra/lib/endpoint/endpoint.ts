import type { Duration } from 'aws-cdk-lib';
import type { McpFunctionUrlOptions } from './cloud-front-options';
import { HTTP_API_MAX_TIMEOUT } from './created-http-api';
import type { McpEndpointBindOptions, McpEndpointConfig } from './endpoint-config';
import type { McpHttpApiOptions, McpRestApiOptions } from './endpoint-options';
import { bindFunctionUrl, checkFunctionUrl } from './function-url';
import { bindHttpApi, checkHttpApi } from './http-api';
import { bindRestApi, checkRestApi, restApiMaxTimeout } from './rest-api';

/** What an endpoint needs to know of the server before it is bound. */
type McpEndpointCheckOptions = Pick<McpEndpointBindOptions, 'timeout' | 'tenancyConfig'>;

/** The kinds of endpoints, by the names of their methods. */
export type EndpointKind = 'functionUrl' | 'restApi' | 'httpApi';

/**
 * What clients send their requests to.
 *
 * Extend it for an endpoint of your own, such as a load balancer: `bind()` makes it invoke the server's alias.
 */
export abstract class McpEndpoint {
  /**
   * A Function URL that streams responses, optionally behind CloudFront.
   */
  public static functionUrl(options: McpFunctionUrlOptions = {}): McpEndpoint {
    return new FunctionUrlEndpoint(options);
  }

  /**
   * A regional REST API that streams responses, with throttling and, optionally, a web ACL and a domain.
   */
  public static restApi(options: McpRestApiOptions = {}): McpEndpoint {
    return new RestApiEndpoint(options);
  }

  /**
   * An HTTP API. It buffers responses: progress arrives with the result, and a stream that waits for events ends at
   * once with the events that are stored.
   */
  public static httpApi(options: McpHttpApiOptions = {}): McpEndpoint {
    return new HttpApiEndpoint(options);
  }

  /**
   * The longest a request may take at this endpoint. The default of the function's timeout is not longer.
   *
   * @default - no limit but Lambda's own
   */
  public readonly maxTimeout?: Duration;

  /**
   * The kind of the endpoint. A server has one of a kind, since its resources have the ids of the kind.
   *
   * @internal
   */
  public readonly _kind?: EndpointKind;

  /**
   * @param maxTimeout the longest a request may take at this endpoint, if that is less than Lambda's own limit
   */
  protected constructor(maxTimeout?: Duration) {
    if (maxTimeout) this.maxTimeout = maxTimeout;
  }

  /**
   * Fails for options of the server that cannot work behind this endpoint.
   *
   * @internal
   */
  public _check(_options: McpEndpointCheckOptions): void {}

  /**
   * Makes the endpoint invoke the server.
   */
  public abstract bind(options: McpEndpointBindOptions): McpEndpointConfig;
}

class FunctionUrlEndpoint extends McpEndpoint {
  /** @internal */
  public override readonly _kind = 'functionUrl';

  public constructor(private readonly api: McpFunctionUrlOptions) {
    super();
  }

  /** @internal */
  public override _check(options: McpEndpointCheckOptions): void {
    checkFunctionUrl(this.api, options);
  }

  public bind(options: McpEndpointBindOptions): McpEndpointConfig {
    return bindFunctionUrl(this.api, options);
  }
}

class RestApiEndpoint extends McpEndpoint {
  /** @internal */
  public override readonly _kind = 'restApi';

  public constructor(private readonly api: McpRestApiOptions) {
    super(restApiMaxTimeout(api));
  }

  /** @internal */
  public override _check(options: McpEndpointCheckOptions): void {
    checkRestApi(this.api, options);
  }

  public bind(options: McpEndpointBindOptions): McpEndpointConfig {
    return bindRestApi(this.api, options);
  }
}

class HttpApiEndpoint extends McpEndpoint {
  /** @internal */
  public override readonly _kind = 'httpApi';

  public constructor(private readonly api: McpHttpApiOptions) {
    super(HTTP_API_MAX_TIMEOUT);
  }

  /** @internal */
  public override _check(options: McpEndpointCheckOptions): void {
    checkHttpApi(this.api, options);
  }

  public bind(options: McpEndpointBindOptions): McpEndpointConfig {
    return bindHttpApi(this.api, options);
  }
}
