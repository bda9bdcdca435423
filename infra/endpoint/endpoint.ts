import type { Duration } from 'aws-cdk-lib';
import type { Behind, Front, Intent } from './front';
import { checkFunctionUrl, functionUrl } from './function-url';
import { HTTP_API_LIMIT, checkHttpApi, httpApi } from './http-api';
import type { HttpApiOptions, RestApiOptions } from './options';
import { checkRestApi, restApi } from './rest-api';

/**
 * What stands in front of the server.
 */
export abstract class McpEndpoint {
  /**
   * A Function URL that streams.
   */
  public static functionUrl(): McpEndpoint {
    return new Made(undefined, checkFunctionUrl, functionUrl);
  }

  /**
   * A regional REST API that streams, with throttling, and as you choose with an authorizer, a web ACL and a domain.
   */
  public static restApi(options: RestApiOptions = {}): McpEndpoint {
    return new Made(
      undefined,
      intent => checkRestApi(options, intent),
      behind => restApi(options, behind),
    );
  }

  /**
   * An HTTP API. It buffers: progress arrives with the answer, and streams that wait for events hold what is stored.
   */
  public static httpApi(options: HttpApiOptions = {}): McpEndpoint {
    return new Made(
      HTTP_API_LIMIT,
      intent => checkHttpApi(options, intent),
      behind => httpApi(options, behind),
    );
  }

  /** The longest a request can take here, if that is less than Lambda's own limit. @internal */
  public abstract readonly _limit: Duration | undefined;

  /** @internal */
  public abstract _check(intent: Intent): void;

  /** @internal */
  public abstract _bind(behind: Behind): Front;

  protected constructor() {}
}

class Made extends McpEndpoint {
  public constructor(
    /** @internal */
    public readonly _limit: Duration | undefined,
    /** @internal */
    public readonly _check: (intent: Intent) => void,
    /** @internal */
    public readonly _bind: (behind: Behind) => Front,
  ) {
    super();
  }
}
