import { Arn, ArnFormat, Resource } from 'aws-cdk-lib';
import type { aws_wafv2 as wafv2 } from 'aws-cdk-lib/interfaces';
import type { Construct } from 'constructs';

/** A web ACL that was created elsewhere. The CDK itself has no import of one by its ARN. */
export class ImportedWebAcl extends Resource implements wafv2.IWebACLRef {
  public readonly webAclRef: wafv2.WebACLReference;

  public constructor(scope: Construct, id: string, webAclArn: string) {
    super(scope, id, { environmentFromArn: webAclArn });
    // arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/name/id
    const { resource = '', resourceName = '' } = Arn.split(webAclArn, ArnFormat.SLASH_RESOURCE_NAME);
    const [, webAclName = '', webAclId = ''] = resourceName.split('/');
    this.webAclRef = { webAclArn, webAclName, webAclId, scope: resource.toUpperCase() };
  }
}
