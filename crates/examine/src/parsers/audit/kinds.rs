//! What kind of event a type of record makes (include/uapi/linux/audit.h and audit-records.h of the audit userspace).

/// Programs that write a USER_LOGIN for every try themselves, so that the USER_AUTH that PAM writes of the same try says
/// nothing more: OpenSSH (audit-linux.c) and login (util-linux, shadow).
const WRITES_LOGINS: &[&[u8]] = &[b"sshd", b"sshd-session", b"sshd-auth", b"login"];

/// What is needed to tell some kinds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// The record says that it failed.
    pub(super) failed: bool,
    /// The file name of the program.
    pub(super) program: &'a [u8],
}

/// The kind of an event with a record of this type; `None` for types that only tell more of a system call.
pub(super) fn of_type(kind: &[u8], told: Told<'_>) -> Option<&'static str> {
    Some(match kind {
        b"SYSCALL" | b"PATH" | b"CWD" | b"EXECVE" | b"PROCTITLE" | b"SOCKADDR" | b"EOE" | b"OBJ_PID" | b"FD_PAIR"
        | b"MMAP" | b"IPC" | b"IPC_SET_PERM" | b"SOCKETCALL" | b"MQ_OPEN" | b"MQ_SENDRECV" | b"MQ_NOTIFY"
        | b"MQ_GETSETATTR" | b"CAPSET" | b"BPRM_FCAPS" | b"OPENAT2" | b"URINGOP" | b"TIME_INJOFFSET"
        | b"TIME_ADJNTPVAL" | b"KERNEL_OTHER" | b"MAC_TASK_CONTEXTS" | b"MAC_OBJ_CONTEXTS" => return None,
        b"USER_LOGIN" if told.failed => "audit.login-failed",
        b"USER_LOGIN" => "audit.login",
        b"USER_LOGOUT" => "audit.logout",
        b"USER_AUTH" if told.failed && WRITES_LOGINS.contains(&told.program) => "audit.auth-failed",
        b"USER_AUTH" if told.failed => "audit.login-failed",
        b"USER_AUTH" => "audit.auth",
        b"USER_START" if told.failed => "audit.session-failed",
        b"USER_START" => "audit.session-opened",
        b"USER_END" => "audit.session-closed",
        b"USER_CMD" => "audit.command",
        b"USER_TTY" | b"TTY" => "audit.tty",
        b"LOGIN" => "audit.auid-set",
        b"ADD_USER" | b"DEL_USER" | b"ADD_GROUP" | b"DEL_GROUP" | b"USER_MGMT" | b"GRP_MGMT" | b"USER_CHAUTHTOK"
        | b"GRP_CHAUTHTOK" | b"ACCT_LOCK" | b"ACCT_UNLOCK" | b"CHGRP_ID" | b"CHUSER_ID" | b"USER_ROLE_CHANGE"
        | b"ROLE_ASSIGN" | b"ROLE_REMOVE" | b"ROLE_MODIFY" => "audit.account",
        b"SERVICE_START" | b"SERVICE_STOP" => "audit.service",
        b"SYSTEM_BOOT" | b"SYSTEM_SHUTDOWN" | b"SYSTEM_RUNLEVEL" => "audit.boot",
        b"AVC" | b"USER_AVC" | b"AVC_PATH" | b"SELINUX_ERR" | b"USER_SELINUX_ERR" | b"LANDLOCK_ACCESS" => "audit.avc",
        b"SECCOMP" => "audit.anomaly",
        b"CONFIG_CHANGE"
        | b"FEATURE_CHANGE"
        | b"NETFILTER_CFG"
        | b"MAC_STATUS"
        | b"MAC_POLICY_LOAD"
        | b"MAC_CONFIG_CHANGE"
        | b"USYS_CONFIG"
        | b"USER_MAC_POLICY_LOAD"
        | b"USER_MAC_CONFIG_CHANGE"
        | b"KERN_MODULE"
        | b"BPF" => "audit.config",
        _ if kind.starts_with(b"ANOM_") => "audit.anomaly",
        _ if kind.starts_with(b"APPARMOR") => "audit.avc",
        _ if kind.starts_with(b"DAEMON_") => "audit.config",
        _ => "audit",
    })
}
