package dev.turnstone.envadapters.tools;

import dev.turnstone.envadapters.peer.Peers;

/// What a server lends to its environments.
public record Host(Peers peers, TokenCount tokens, CommandJail jail) {
  public Throttle throttle(CallRules rules) {
    return new Throttle(rules, peers.pause());
  }
}
