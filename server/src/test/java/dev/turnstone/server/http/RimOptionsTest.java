package dev.turnstone.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RimOptionsTest {
  @Test
  void aConnectionMayBeIdleForAsLongAsItsClientWants() {
    // Clients keep connections for a minute and more; whoever closes first breaks a request.
    assertThat(Rim.options().getIdleTimeout()).isZero();
    assertThat(Rim.options().getReadIdleTimeout()).isZero();
    assertThat(Rim.options().getWriteIdleTimeout()).isZero();
  }
}
