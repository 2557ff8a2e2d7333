namespace Banyan.Server.Cards;

/// <summary>The conditions of well-known licences: a hint for readers of a card, not legal advice (<c>licence.KEY</c>).</summary>
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

    /// <summary>Whether it is known to permit commercial use.</summary>
    public static bool Sells(string id) => Of(id) is not ("by_nc" or "by_nc_sa" or "by_nc_nd" or "openrail" or Other);

    const string Other = "other";

    /// <summary>The key of its conditions; for an unknown licence, of the advice to read its terms.</summary>
    public static string Of(string id) => s_known.GetValueOrDefault(id, Other);
}
