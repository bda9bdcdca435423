locals {
  # Those that are null have the default of the template.
  parameters = {
    CodeS3Bucket = aws_s3_object.program.bucket
    CodeS3Key    = aws_s3_object.program.key
    MemorySize   = var.memory_size == null ? null : tostring(var.memory_size)
    Architecture = var.architecture
  }
}

# Another program has another key: CloudFormation compares keys, and not files.
resource "aws_s3_object" "program" {
  bucket = var.bucket
  key    = "${var.name}/${filesha256(var.program)}.zip"
  source = var.program

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "server" {
  name          = var.name
  template_body = file(var.template)
  capabilities  = ["CAPABILITY_IAM"]
  parameters    = { for name, value in local.parameters : name => value if value != null }
  tags          = var.tags
}
