namespace Banyan.Server.Cards;

/// <summary>What well-known licences ask for, in a sentence: a pointer for who reads a card, no legal advice.</summary>
static class Licences
{
    static readonly Dictionary<string, string> s_known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["apache-2.0"] = "May be used, changed and sold. Keep the licence and notices, and say what you changed; grants patents.",
        ["mit"] = "May be used, changed and sold. Keep the copyright notice and the licence.",
        ["bsd-2-clause"] = "May be used, changed and sold. Keep the copyright notice and the licence.",
        ["bsd-3-clause"] = "May be used, changed and sold. Keep the notice; do not advertise with the authors' names.",
        ["isc"] = "May be used, changed and sold. Keep the copyright notice.",
        ["unlicense"] = "In the public domain as far as the law allows: no conditions.",
        ["cc0-1.0"] = "In the public domain as far as the law allows: no conditions.",
        ["cc-by-4.0"] = "May be shared, changed and sold. Name the authors, link the licence, say what you changed.",
        ["cc-by-sa-4.0"] = "May be shared, changed and sold. Name the authors; what you make of it carries the same licence.",
        ["cc-by-nc-4.0"] = "Not for commercial purposes. Name the authors, link the licence, say what you changed.",
        ["cc-by-nc-sa-4.0"] = "Not for commercial purposes. Name the authors; what you make of it carries the same licence.",
        ["cc-by-nd-4.0"] = "May be shared and sold unchanged alone. Name the authors.",
        ["cc-by-nc-nd-4.0"] = "May be shared unchanged and not for commercial purposes. Name the authors.",
        ["gpl-3.0"] = "May be used, changed and sold. Whatever contains it is shared with its source under the same licence.",
        ["agpl-3.0"] =
            "May be used, changed and sold. Whatever contains it, also behind a network, is offered with its source under the same licence.",
        ["lgpl-3.0"] = "May be used, changed and sold. Changes to it are shared with their source under the same licence.",
        ["mpl-2.0"] = "May be used, changed and sold. Changed files are shared under the same licence.",
        ["openrail"] = "May be used within the purposes that the licence permits: read its restrictions.",
        ["bigscience-openrail-m"] = "May be used within the purposes that the licence permits: read its restrictions.",
        ["creativeml-openrail-m"] = "May be used within the purposes that the licence permits: read its restrictions.",
    };

    /// <summary>Whether it is known to permit that what is made with it is sold.</summary>
    public static bool Sells(string id) => s_known.TryGetValue(id, out var means) && means.Contains("sold", StringComparison.Ordinal)
        || id.Equals("unlicense", StringComparison.OrdinalIgnoreCase) || id.StartsWith("cc0-", StringComparison.OrdinalIgnoreCase);

    /// <summary>The sentence, or what to do where none is known.</summary>
    public static string Of(string id) => s_known.GetValueOrDefault(id) ?? "Terms of its own: read them before you use or share it.";
}
