//! The rules of FIPA-ACL messages and conversations, pure.
