/** Somebody in the middle of a handshake, inside workerd. */
import { handshakeContract } from "./handshake-contract.ts";

handshakeContract();
