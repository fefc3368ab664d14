#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "indexer/http/form.hpp"
#include "indexer/providers/registry.hpp"

namespace media::providers {

/// Twilio: MMS, and WhatsApp through Twilio.
Registration twilio_registration();

/// Reads the fields of an incoming message; those of other events give none.
Delivery read_twilio_message(const http::Form& form, std::int64_t now);

/// The answer to a webhook as TwiML: says `text` to the sender, or nothing.
/// Never text/plain, which would itself be sent to the sender.
http::Response twiml(std::string_view text);

}  // namespace media::providers
