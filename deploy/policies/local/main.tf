# A software key on a machine that runs Keyside, made there by setup.sh over SSH. No resource of Terraform's holds the key, and none
# should: its state would know the key. Destroying this leaves the file where it is.

variable "host" {
  type        = string
  description = "The machine that runs the daemon, with keyside installed."
}

variable "ssh_user" {
  type        = string
  default     = "root"
  description = "Who signs in there: root or the daemon's user. By the SSH agent."
}

variable "key" {
  type        = string
  default     = "acme"
  description = "The key, and the name of its file."

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._:@-]{0,127}$", var.key))
    error_message = "A key's name is 1 to 128 characters of A-Z a-z 0-9 . _ : @ - and begins with a letter, a digit or _."
  }
}

variable "directory" {
  type        = string
  default     = "/var/lib/keyside/keys"
  description = "Folder of the key store files."

  validation {
    condition     = can(regex("^/[A-Za-z0-9._/-]+$", var.directory))
    error_message = "An absolute path of letters, digits and . _ / - is needed."
  }
}

variable "owner" {
  type        = string
  default     = "keyside"
  description = "User that the daemon runs as."

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_-]*$", var.owner))
    error_message = "A name or number of a user is needed."
  }
}

terraform {
  required_version = ">= 1.5"
}

resource "terraform_data" "key" {
  input            = "${var.directory}/${var.key}.json"
  triggers_replace = [var.host, var.directory, var.key]

  connection {
    type  = "ssh"
    host  = var.host
    user  = var.ssh_user
    agent = true
  }

  provisioner "remote-exec" {
    inline = [
      "export KEY='${var.key}' DIR='${var.directory}' OWNER='${var.owner}'",
      "bash -s <<'SETUP'\n${file("${path.module}/setup.sh")}\nSETUP",
    ]
  }
}

output "store_file" {
  description = "For storeFile."
  value       = terraform_data.key.output
}
