package dev.turnstone.upstream.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class EngineHttpTest {
  @Test
  void aFailedConnectionSaysWhyInASentence() throws InterruptedException {
    assertThat(EngineHttp.gone(new EOFException("it closed the connection")))
        .hasMessage("its connection failed: it closed the connection");
    assertThat(EngineHttp.gone(new UnknownHostException("nowhere.invalid")))
        .hasMessage("its connection failed: its host has no address now");
  }
}
