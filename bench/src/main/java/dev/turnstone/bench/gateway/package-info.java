/// The benchmark of the gateway: `./turnstone bench gateway`.
///
/// [GatewayBench] starts everything: the server, the [EngineStub] behind it, peers beside it, and a
/// [LoadProcess] for each phase. All of them are processes of their own that meet over sockets.
@NullMarked
package dev.turnstone.bench.gateway;

import org.jspecify.annotations.NullMarked;
