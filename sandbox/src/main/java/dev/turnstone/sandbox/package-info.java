/// A coding sandbox behind SandboxFusion's `POST /run_code`, for python and bash.
///
/// Start with [SandboxServer], the HTTP service, then [Sandbox], which runs one request, then
/// [Jail], the process that a program runs in, and `worker.py`, our side inside it.
///
/// What holds a program: bubblewrap gives every run fresh user, PID, network, mount, IPC and UTS
/// namespaces under a uid that is never 0; a seccomp filter ([SeccompFilter]) refuses what the
/// kernel would still offer there; resource limits bound each process; `worker.py` is process 1, so
/// the program can neither signal it nor read it, and its end is the end of every process of the
/// jail. It leaves when its stdin ends, so no jail outlives this JVM, and it reports what it does
/// under a nonce that the program never sees. [SelfTest] proves this on the machine before the
/// server listens.
///
/// What is weaker than it will be with cgroups:
///
/// - Memory is bounded per process (`RLIMIT_AS`), not per jail: a program that forks may hold its
///   limit up to [Limits#PROCESSES] times over. Jails offer themselves first to the kernel's
///   out-of-memory killer, so that the host's other processes survive.
/// - CPU time is bounded per process too; the wall-clock limit is what ends a greedy jail.
/// - The number of empty files is bounded by time and memory only.
/// - Programs can read the host's `/usr` and see its CPU count and memory size.
///
/// Where it differs from SandboxFusion on purpose: output beyond a pipe's buffer does not hang the
/// run; bytes that are not UTF-8 become U+FFFD and the rest of the output is kept; over-long output
/// keeps its first and last part; there is no network; file names outside `/workspace`, `/tmp` and
/// `/mnt` are refused.
@NullMarked
package dev.turnstone.sandbox;

import org.jspecify.annotations.NullMarked;
