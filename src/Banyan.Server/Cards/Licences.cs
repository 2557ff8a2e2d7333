namespace Banyan.Server.Cards;

/// <summary>What well-known licences ask for: a pointer for who reads a card, no legal advice (<c>licence.KEY</c>).</summary>
static class Licences
{
    static readonly Dictionary<string, string> s_known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["apache-2.0"] = "apache",
        ["mit"] = "notice",
        ["bsd-2-clause"] = "notice",
        ["bsd-3-clause"] = "bsd",
        ["isc"] = "notice",
        ["unlicense"] = "public",
        ["cc0-1.0"] = "public",
        ["cc-by-4.0"] = "by",
        ["cc-by-sa-4.0"] = "by_sa",
        ["cc-by-nc-4.0"] = "by_nc",
        ["cc-by-nc-sa-4.0"] = "by_nc_sa",
        ["cc-by-nd-4.0"] = "by_nd",
        ["cc-by-nc-nd-4.0"] = "by_nc_nd",
        ["gpl-3.0"] = "gpl",
        ["agpl-3.0"] = "agpl",
        ["lgpl-3.0"] = "lgpl",
        ["mpl-2.0"] = "mpl",
        ["openrail"] = "openrail",
        ["bigscience-openrail-m"] = "openrail",
        ["creativeml-openrail-m"] = "openrail",
    };

    /// <summary>Whether it is known to permit that what is made with it is sold.</summary>
    public static bool Sells(string id) => Of(id) is not ("by_nc" or "by_nc_sa" or "by_nc_nd" or "openrail" or Other);

    const string Other = "other";

    /// <summary>The key of what it asks for; of one that is not known, that its terms are to be read.</summary>
    public static string Of(string id) => s_known.GetValueOrDefault(id, Other);
}
