output "endpoint" {
  description = "The URL of the MCP endpoint."
  value       = aws_cloudformation_stack.server.outputs["McpEndpoint"]
}

output "function_name" {
  description = "The name of the function that serves requests."
  value       = aws_cloudformation_stack.server.outputs["FunctionName"]
}

output "state_table_name" {
  description = "The name of the table of sessions and state. It is kept when the stack is deleted."
  value       = aws_cloudformation_stack.server.outputs["StateTableName"]
}

output "outputs" {
  description = "All outputs of the stack, by name."
  value       = aws_cloudformation_stack.server.outputs
}
