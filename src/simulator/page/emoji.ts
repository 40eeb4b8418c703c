/** The faces of the little grid; QQ takes Unicode emoji in private chats and groups. */
export const EMOJI: readonly string[] = [
  ..."😀😄😂🤣😊😍😘🤔",
  ..."😅😭😡😱🥱😴🤒🤩",
  ..."👍👎👏🙏💪👋🤝🙌",
  ..."🐧🐱🐶🐼🌸🌧🔥✨",
  ..."🎉🎂🍜🍚🍵🍉⚽🎮",
  ..."💯✅❌❓❗🌹💔🚀",
];
