/// HTTP/1.1 as engines are asked over it: one request at a time on a kept connection, written in
/// one piece, its reply read while it is made.
///
/// Read [EngineCall] first. A general client's timers and queues cost a turn a tenth of its
/// processor time; here a read knows how long it may wait, and who cancels closes the socket.
@NullMarked
package dev.turnstone.upstream.http;

import org.jspecify.annotations.NullMarked;
