using System.Security.Authentication;
using System.Text.RegularExpressions;

namespace Banyan;

/// <summary>Describes in a user's terms what the operating system or the network refused: .NET's own messages mention parts of paths and
/// inner exceptions.</summary>
static partial class SystemProblem
{
    /// <summary>The message of an exception.</summary>
    public static string Of(Exception e)
    {
        for (var cause = e; cause is not null; cause = cause.InnerException)
            if (cause is AuthenticationException)
                return $"the connection is not safe: {Certificate(cause)}";
        if (e is HttpRequestException { InnerException: { } inner })
            return Of(inner);
        var text = e.Message.ReplaceLineEndings(" ").TrimEnd('.');
        if (Path().Match(text) is not { Success: true } match)
            return text;
        var path = match.Groups["path"].Value;
        return match.Groups["kind"].Value switch
        {
            "Could not find file" => File.Exists(path) || new FileInfo(path).LinkTarget is null ? $"there is no file {path}"
                : $"{path} is a link to {new FileInfo(path).LinkTarget}, which is not there",
            "Could not find a part of the path" =>
                $"there is no folder {System.IO.Path.GetDirectoryName(path)} for {System.IO.Path.GetFileName(path)}",
            "Access to the path" => Directory.Exists(path) ? $"{path} is a folder, or may not be written to"
                : $"this account may not read or write {path}",
            "The file" => $"{path} is a file where a folder is needed, or exists already",
            _ => text,
        };
    }

    static string Certificate(Exception e)
    {
        var text = e.InnerException is AuthenticationException inner ? inner.Message : e.Message;
        return text.Contains("NameMismatch", StringComparison.Ordinal) ? "the certificate is another name's"
            : text.Contains("PartialChain", StringComparison.Ordinal) || text.Contains("UntrustedRoot", StringComparison.Ordinal)
            || text.Contains("ChainErrors", StringComparison.Ordinal)
                ? "nobody whom this machine trusts has signed the certificate (SSL_CERT_FILE names a file of those to trust)"
            : text.Contains("NotTimeValid", StringComparison.Ordinal) ? "the certificate has expired, or this machine's clock is wrong"
            : "its certificate or its TLS is not accepted here (is it http:// instead of https://?)";
    }

    [GeneratedRegex(@"\A(?<kind>Could not find file|Could not find a part of the path|Access to the path|The file) '(?<path>.*?)'( is denied| already exists)?\z")]
    private static partial Regex Path();
}
