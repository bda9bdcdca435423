variable "name" {
  description = "The name of the stack: letters, digits and -, a letter first."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,127}$", var.name))
    error_message = "The name must be letters, digits and -, a letter first."
  }
}

variable "template" {
  description = "The path of the template: scripts/cloudformation-template prints it."
  type        = string
}

variable "program" {
  description = "The path of the zip with the program, an executable called bootstrap."
  type        = string
}

variable "bucket" {
  description = "The name of a bucket of the region, for the zip."
  type        = string
}

variable "memory_size" {
  description = "The memory of the server, in MiB. Default: that of the template."
  type        = number
  default     = null

  validation {
    condition     = var.memory_size == null || (coalesce(var.memory_size, 128) >= 128 && coalesce(var.memory_size, 128) <= 10240)
    error_message = "The memory must be from 128 to 10240 MiB."
  }
}

variable "architecture" {
  description = "For which the program was built: arm64 or x86_64. Default: that of the template."
  type        = string
  default     = null

  validation {
    condition     = var.architecture == null || contains(["arm64", "x86_64"], coalesce(var.architecture, "arm64"))
    error_message = "The architecture must be arm64 or x86_64."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
