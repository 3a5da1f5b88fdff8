"""A libtorrent peer that a test drives: one JSON object a line on stdout for what happens, one word a line on stdin for what to do.

Usage: peer.py SOURCE FOLDER [SKIP]    SOURCE is a magnet link or a .torrent file; FOLDER has, or gets, the content;
SKIP is the index of a file that is not wanted. Words on stdin: announce.  It ends with stdin.
LIBTORRENT_SETTINGS in the environment is a JSON object of further settings.
"""

import json
import os
import sys
import threading

import libtorrent as lt

SETTINGS = {
    "listen_interfaces": "0.0.0.0:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    # Nothing of a test leaves the machine.
    "webtorrent_stun_server": "",
    "alert_mask": lt.alert.category_t.status_notification
    | lt.alert.category_t.tracker_notification
    | lt.alert.category_t.peer_notification
    | lt.alert.category_t.error_notification,
}


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def told(alert):
    """What a test wants to know of an alert; None for the others."""
    match alert:
        case lt.torrent_finished_alert():
            return ("finished", {})
        case lt.tracker_reply_alert():
            return ("tracker_reply", {"peers": alert.num_peers})
        case lt.tracker_announce_alert():
            return ("announced", {"message": alert.message()})
        case lt.tracker_error_alert() | lt.tracker_warning_alert():
            return ("tracker_error", {"message": alert.message()})
        case lt.torrent_error_alert() | lt.file_error_alert() | lt.hash_failed_alert():
            return ("error", {"message": alert.message()})
        case lt.peer_connect_alert() | lt.peer_disconnected_alert():
            return ("peer", {"message": alert.message()})
    return None


def obey(torrent):
    for word in sys.stdin:
        if word.strip() == "announce":
            torrent.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)


def main():
    source, folder, *skip = sys.argv[1:]
    session = lt.session(SETTINGS | json.loads(os.environ.get("LIBTORRENT_SETTINGS", "{}")))
    parameters = lt.parse_magnet_uri(source) if source.startswith("magnet:") else lt.load_torrent_file(source)
    parameters.save_path = folder
    if skip:
        parameters.file_priorities = [0 if index == int(skip[0]) else 4 for index in range(int(skip[0]) + 1)]
    torrent = session.add_torrent(parameters)
    obeying = threading.Thread(target=obey, args=[torrent])
    obeying.start()
    while obeying.is_alive():
        session.wait_for_alert(200)
        for alert in session.pop_alerts():
            if about := told(alert):
                tell(about[0], **about[1])


main()
