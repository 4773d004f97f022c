# The network between Keyside and an HSM. Keys in HSMs are made with the HSM's own tools (setup.sh, cloudhsm.sh): no Terraform provider
# reaches them, and none should, since its state would know the PIN. What Terraform can do is to let the daemon's nodes, and nobody
# else, reach an AWS CloudHSM cluster.

variable "cluster_id" {
  description = "Id of the AWS CloudHSM cluster that holds the key, e.g. cluster-abcdefghijk."
  type        = string
}

variable "daemon_security_group_id" {
  description = "Security group of the nodes or pods that run Keyside."
  type        = string
}

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_cloudhsm_v2_cluster" "keyside" {
  cluster_id = var.cluster_id
}

# The client of SDK 5 speaks to each HSM on 2223 to 2225.
resource "aws_vpc_security_group_egress_rule" "to_hsm" {
  security_group_id            = var.daemon_security_group_id
  referenced_security_group_id = data.aws_cloudhsm_v2_cluster.keyside.security_group_id
  description                  = "Keyside to its HSMs"
  ip_protocol                  = "tcp"
  from_port                    = 2223
  to_port                      = 2225
}

resource "aws_vpc_security_group_ingress_rule" "from_daemon" {
  security_group_id            = data.aws_cloudhsm_v2_cluster.keyside.security_group_id
  referenced_security_group_id = var.daemon_security_group_id
  description                  = "Keyside to its HSMs"
  ip_protocol                  = "tcp"
  from_port                    = 2223
  to_port                      = 2225
}

output "configure_the_client" {
  description = "What the node's image runs once, with the address of one HSM."
  value       = "/opt/cloudhsm/bin/configure-pkcs11 -a <address of one HSM of ${var.cluster_id}>"
}
