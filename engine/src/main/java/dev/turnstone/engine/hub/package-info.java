/// Models from the Hugging Face hub: found, downloaded and kept where `huggingface_hub` keeps them.
///
/// Start with [Hub]; [HubCache] is the layout on disk, [HubHttp] the wire. Nothing else in the
/// engine knows HTTP.
@NullMarked
package dev.turnstone.engine.hub;

import org.jspecify.annotations.NullMarked;
