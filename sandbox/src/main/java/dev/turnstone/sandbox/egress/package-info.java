/// The way out of a jail for programs that were given one: named hosts, through a proxy.
@NullMarked
package dev.turnstone.sandbox.egress;

import org.jspecify.annotations.NullMarked;
